"""The course in sentences, each clause traced to what it rests on."""
