"""Result backends on Amazon's services: DynamoDB."""
