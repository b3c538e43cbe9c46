//! Opening what a person points at: files and folders, compressed or not, recognised by content.
