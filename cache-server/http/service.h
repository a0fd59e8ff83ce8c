// service.h - what all routes work with. Whoever only hands it on needs to know none of it.
#pragma once

namespace aotc::server {

class Catalog;
class JobQueue;
class RevocationBook;
class Store;
class Tenants;
class UploadSessions;
struct Counters;

struct Service {
  Store& store;
  Catalog& catalog;
  Tenants& tenants;
  JobQueue& jobs;
  Counters& counters;
  RevocationBook& revocations;
  UploadSessions& uploads;
};

}  // namespace aotc::server
