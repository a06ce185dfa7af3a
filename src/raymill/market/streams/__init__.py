"""Live prices: connections that come back, records that are neither lost nor doubled."""
