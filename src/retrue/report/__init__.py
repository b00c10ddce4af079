"""Reports: one comparison, shown in a terminal, in a notebook, as one page that opens offline, and as JSON.

Comparison ──┬── text     Rich, for the terminal
             ├── html     one self-contained file; its charts come from `charts`
             └── to_dict  the JSON that others build on
"""
