"""Result backends on Amazon's services: DynamoDB and S3."""
