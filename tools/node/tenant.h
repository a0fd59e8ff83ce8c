// tenant.h - a tenant process: loads one artifact, locks itself up, and serves requests that the front sends.
#pragma once

struct TenantOptions;

// Never returns to the caller's world: the result is the exit code.
int run_tenant(TenantOptions options);
