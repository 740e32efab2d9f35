"""Pictures of the notes, computed from relations and values: drawings, and their forms.

    canvas.py      what a drawing is made of, and its colours
    svg.py         a drawing, or several in turn, as SVG
    tikz.py        a drawing as TikZ, for LaTeX
    png.py         a drawing as PNG (extra `notes`)
    axis.py        one axis of a relation: which input meets which output at which tap
    windows.py     which inputs feed an output, and which outputs flow back to an input
    controls.py    a page where a reader changes kernel, stride, dilation and padding
    matrices.py    sparsity patterns and small matrices
    graph.py       computational graphs with forward and backward values
    receptive.py   receptive fields through layers
    learning.py    a kernel that is learned step by step
"""
