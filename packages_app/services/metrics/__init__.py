"""What is measured of an installation, from its database and its disks: read when somebody asks, kept nowhere."""
