"""One file per migration, in order. What is released is never edited: add the next one."""
