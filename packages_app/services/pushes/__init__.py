"""What machines push: files taken at once or refused at once, and waited for until clients see them."""
