# Bucket, package table and a role for each of repomgr's processes, for one environment.
#
#   terraform workspace new dev && terraform apply -var environment=dev [-var-file=HOME/config/terraform.tfvars]
#
# The policies are the JSON files beside this folder, so that they are written once.

locals {
  bucket = "${var.name}-${var.environment}"

  # What the policies name of a repository; `manage.py init` writes a terraform.tfvars for one with a name of its own.
  names = { bucket = local.bucket, keyring = var.keyring, bootstrap = var.bootstrap }

  # Each process has a role of its own. beat asks for nothing here: give it none.
  processes = toset(["web", "worker", "publisher", "sweeper"])
}

resource "aws_s3_bucket" "repository" {
  bucket = local.bucket
}

resource "aws_s3_bucket_ownership_controls" "repository" {
  bucket = aws_s3_bucket.repository.id

  rule {
    object_ownership = "BucketOwnerEnforced" # no ACLs: the policy alone says what is public
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "repository" {
  bucket = aws_s3_bucket.repository.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Versions are the way back from a deletion by mistake; the repository itself never replaces a pool file.
resource "aws_s3_bucket_versioning" "repository" {
  bucket = aws_s3_bucket.repository.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "repository" {
  bucket = aws_s3_bucket.repository.id

  rule {
    id     = "staging"
    status = "Enabled"

    filter {
      prefix = "staging/uploads/" # never staging/releases/: the sweep goes by what is there
    }

    expiration {
      days = var.staging_days
    }

    # A browser that is closed leaves the parts that it has sent.
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    # Of what was deleted, no marker stays once its versions are gone.
    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_public_access_block" "repository" {
  bucket = aws_s3_bucket.repository.id

  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = false # the policy below makes dists/, pool/ and the root files public
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "repository" {
  bucket     = aws_s3_bucket.repository.id
  policy     = templatefile("${path.module}/../bucket-policy.json", local.names)
  depends_on = [aws_s3_bucket_public_access_block.repository]
}

# Lets the upload page send files straight to staging (STAGING_UPLOAD_URL); what it may write, signed addresses say.
resource "aws_s3_bucket_cors_configuration" "repository" {
  count  = var.admin_origin == "" ? 0 : 1
  bucket = aws_s3_bucket.repository.id

  cors_rule {
    allowed_origins = [var.admin_origin]
    allowed_methods = ["PUT"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_website_configuration" "repository" {
  bucket = aws_s3_bucket.repository.id

  index_document {
    suffix = "index.html"
  }
}

resource "aws_dynamodb_table" "packages" {
  name                        = "${var.name}-packages-${var.environment}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "package_id"
  range_key                   = "architecture"
  deletion_protection_enabled = var.environment == "prod"

  attribute {
    name = "package_id"
    type = "S"
  }

  attribute {
    name = "architecture"
    type = "S"
  }

  attribute {
    name = "package_name"
    type = "S"
  }

  attribute {
    name = "version_key"
    type = "S"
  }

  global_secondary_index {
    name            = "by_name"
    hash_key        = "package_name"
    range_key       = "version_key"
    projection_type = "ALL"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "may_take_the_role" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [var.service]
    }
  }
}

resource "aws_iam_role" "repomgr" {
  for_each           = local.processes
  name               = "${var.name}-${var.environment}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.may_take_the_role.json
}

resource "aws_iam_role_policy" "repomgr" {
  for_each = local.processes
  name     = "repository"
  role     = aws_iam_role.repomgr[each.key].id
  policy = templatefile("${path.module}/../iam-policy-${each.key}.json", merge(local.names, {
    table_arn = aws_dynamodb_table.packages.arn
  }))
}

# Lets apt 2.7 and newer ask for snapshots by itself, where a CloudFront distribution of yours stands before the bucket:
# associate it with the viewer requests of its default behaviour.
resource "aws_cloudfront_function" "snapshots" {
  count   = var.snapshots_function ? 1 : 0
  name    = "${var.name}-${var.environment}-snapshots"
  runtime = "cloudfront-js-2.0"
  comment = "apt's addresses of snapshots"
  publish = true
  code    = file("${path.module}/../cloudfront-snapshots.js")
}
