"""The definition language: from text to the intermediate representation.

    source       text -> tokens within limits, and errors that point at a place
    syntax       tokens -> statements, through Python's `ast` behind a whitelist
    names        which names are allowed, and names that are still free
    normal       scalar bodies in the normal form of the parser
    environment  what the names of a program mean
    subscripts   syntax -> integer expressions, rows and accesses
    survey       what the names are, before statements are read
    scalars      syntax -> scalar bodies
    indices      which indices a statement and its reductions bind
    terms        syntax -> terms; a reduction inside an expression becomes its own statement
    assemble     terms -> definitions: extents, range rows, requirements

`symconv.language.reader.parse` drives them in that order.
"""
