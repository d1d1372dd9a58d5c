"""The clinical course beside the images: record, scores, roots, red flags, outlook, consistency."""
