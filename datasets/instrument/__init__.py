"""The detector of a period: columns of an event, set-ups, and the features that cuts act on."""
