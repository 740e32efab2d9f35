"""The forms of the notes: LaTeX, one page of HTML, Markdown, JSON."""
