from tests.services import chroma_url, redis_url, s3_server, unique_name

__all__ = ["chroma_url", "redis_url", "s3_server", "unique_name"]
