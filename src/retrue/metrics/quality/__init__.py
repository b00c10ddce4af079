"""Quality: is the data all there, of the right type, and in the range that the reference showed?"""
