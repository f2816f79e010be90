variable "environment" {
  description = "dev, staging or prod; part of every name"
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "Use dev, staging or prod."
  }
}

variable "name" {
  description = "Begins the names of bucket, table and roles"
  type        = string
  default     = "kiro-apt"
}

variable "keyring" {
  description = "keyring in repository.yaml: the public key's file name in the bucket's root, without its ending"
  type        = string
  default     = "kiro-archive-keyring"
}

variable "bootstrap" {
  description = "Name of the package that sets clients up; its copy in the bucket's root has it, with .deb"
  type        = string
  default     = "kiro-repo"
}

variable "region" {
  description = "AWS region of bucket and table"
  type        = string
  default     = "eu-central-1"
}

variable "repo_url" {
  description = "Address that clients use, where a CDN or a name of its own stands before the bucket; empty: the bucket's"
  type        = string
  default     = ""
}

variable "service" {
  description = "AWS service whose tasks may take the role, for example ec2.amazonaws.com"
  type        = string
  default     = "ecs-tasks.amazonaws.com"
}

variable "staging_days" {
  description = "Days after which an upload that was left in staging is removed; the sweep is there earlier"
  type        = number
  default     = 30
}

variable "admin_origin" {
  description = "Origin of the admin, such as https://repomgr.example.org, whose page may send uploads straight to the bucket"
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(https?://[^/*]+)?$", var.admin_origin))
    error_message = "Write scheme and host alone, without a slash at the end."
  }
}

variable "snapshots_function" {
  description = "Make the CloudFront function that lets apt ask for snapshots by itself"
  type        = bool
  default     = false
}
