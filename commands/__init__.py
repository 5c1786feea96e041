"""The commands of the na64 program: a module a group of verbs; heavy imports wait until a verb needs them."""
