"""tus 1.0 resumable uploads: https://tus.io/protocols/resumable-upload"""
