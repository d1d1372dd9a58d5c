"""The sections of the course's page, and the record of what it says."""
