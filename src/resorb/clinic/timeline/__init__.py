"""One time axis for pain, scores, strength, treatments, volumes and studies."""
