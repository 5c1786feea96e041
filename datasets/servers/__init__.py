"""Files on servers: requests with patience, folders, and the reasons why something cannot be read."""
