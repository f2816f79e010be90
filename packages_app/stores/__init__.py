"""Object stores: folders and S3, behind one port."""
