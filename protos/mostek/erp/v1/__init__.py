"""The ERP contract, version 1: messages and `ErpService`, generated from the .proto files beside it."""
