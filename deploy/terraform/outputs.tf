# repomgr's commands read these: build_kiro_repo --env, migrate_package_table --env.

output "s3_bucket_name" {
  description = "BUCKET_URL is s3://<this>"
  value       = aws_s3_bucket.repository.id
}

output "dynamodb_table_name" {
  description = "PACKAGE_TABLE_URL is dynamodb://<this>"
  value       = aws_dynamodb_table.packages.name
}

output "repo_url" {
  description = "PUBLIC_URL: what clients write into their sources"
  value       = var.repo_url != "" ? var.repo_url : "https://${aws_s3_bucket.repository.bucket_regional_domain_name}"
}

output "website_endpoint" {
  description = "The bucket as a website, with its instructions page"
  value       = aws_s3_bucket_website_configuration.repository.website_endpoint
}

output "aws_region" {
  description = "Region of bucket and table"
  value       = var.region
}

output "role_arns" {
  description = "Roles of web, worker (first_start and commands too) and publisher; beat needs none"
  value       = { for process, role in aws_iam_role.repomgr : process => role.arn }
}

output "snapshots_function_arn" {
  description = "What a distribution's viewer requests are associated with, so that apt may ask for snapshots by itself"
  value       = one(aws_cloudfront_function.snapshots[*].arn)
}
