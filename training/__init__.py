"""How the embedded segmentation model is made. Not installed with the package.

Network images are (rows: superior -> inferior, columns: anterior -> posterior), 0.5 mm a pixel.
"""
