"""What requests and answers of the services hold, a module for each service."""
