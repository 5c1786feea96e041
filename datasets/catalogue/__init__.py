"""The files of an analysis: found, inspected, identified by content, and listed by run."""
