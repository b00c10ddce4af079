"""What a shape is read from: windows as vectors, templates of shapes, and how well each of them fits."""
