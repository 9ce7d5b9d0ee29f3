"""One blueprint for each thing that is managed; all changes go through `opbx.identity`."""
