"""What a spec can name, one file a component: the contracts and what is built in.

A package that brings its own components imports this wing alone. How components become stages is in
`compile`; how stages run them, in `execute`.
"""
