"""The workbench: an HTTP API and a web page over bundles. It never trains."""
