"""The steps of an analysis as functions, and a stored result as an object: what `import na64` gives."""
