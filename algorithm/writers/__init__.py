"""What `detect` writes of an image: GeoJSON for QuPath, a CSV table, a picture and a record of the run."""
