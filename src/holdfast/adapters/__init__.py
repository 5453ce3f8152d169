"""What differs between frameworks and file formats, one file each."""
