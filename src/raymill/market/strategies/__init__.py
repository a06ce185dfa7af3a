"""The strategies that come with raymill, one module each."""
