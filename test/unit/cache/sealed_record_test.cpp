// sealed_record_test.cpp - what a remote can do to a record: nothing but leave it out.
#include "cache/sealed_record.h"

#include "cache_test.h"
#include "registry/zstd_frames.h"

namespace aotc {
namespace {

struct Operator {
  Operator() {
    std::string secret, open, error;
    EXPECT_TRUE(Signer::generate(secret, open, error)) << error;
    signer = Signer::read(secret, error);
    EXPECT_TRUE(trusted.add(open, error)) << error;
  }
  std::optional<Signer> signer;
  TrustedKeys trusted;
};

std::vector<FunctionRecord> records(uint32_t count) {
  std::vector<FunctionRecord> all;
  for (uint32_t n = 0; n < count; ++n) all.push_back(record(n, 20 + n % 700));
  return all;
}

TEST(Sealed, OpensWhatWasSealedTogether) {
  Operator us;
  for (uint32_t count : {1u, 2u, 3u, 5u, 8u, 13u, 64u, 255u, static_cast<uint32_t>(kMostSealedTogether)}) {
    std::vector<FunctionRecord> all = records(count);
    std::vector<SealedRecord> sealed = seal(all, "", *us.signer);
    ASSERT_EQ(sealed.size(), count);
    Opener forward(us.trusted), backward(us.trusted);
    for (uint32_t n = 0; n < count; ++n) {
      EXPECT_EQ(sealed[n].name, key(all[n]));
      EXPECT_TRUE(forward.open(sealed[n].name, sealed[n].name, sealed[n].bytes) == all[n]) << n << " of " << count;
      const SealedRecord& other = sealed[count - 1 - n];
      EXPECT_TRUE(backward.open(other.name, other.name, other.bytes) == all[count - 1 - n]) << n << " of " << count;
      if (count > 60 && n % 50 != 0) continue;
      EXPECT_TRUE(Opener(us.trusted).open(sealed[n].name, sealed[n].name, sealed[n].bytes) == all[n])
          << n << " of " << count;
    }
  }
  EXPECT_TRUE(seal({}, "", *us.signer).empty());
}

TEST(Sealed, IsForItsKeyAlone) {
  Operator us;
  std::vector<FunctionRecord> all = records(7);
  std::vector<SealedRecord> sealed = seal(all, "", *us.signer);
  Opener opener(us.trusted);
  for (const SealedRecord& one : sealed)
    for (const SealedRecord& other : sealed)
      EXPECT_EQ(opener.open(one.name, one.name, other.bytes).has_value(), &one == &other);
}

TEST(Sealed, IsBelievedOfTrustedKeysOnly) {
  Operator us, them;
  std::vector<SealedRecord> ours = seal(records(4), "", *us.signer),
                            theirs = seal({record(10), record(11)}, "", *them.signer);
  Opener opener(us.trusted), nobody{TrustedKeys()};
  EXPECT_TRUE(opener.open(ours[1].name, ours[1].name, ours[1].bytes));
  EXPECT_FALSE(opener.open(theirs[1].name, theirs[1].name, theirs[1].bytes));
  EXPECT_FALSE(nobody.open(ours[1].name, ours[1].name, ours[1].bytes));
  // Our name above their signature.
  std::copy_n(ours[1].bytes.begin() + 10, 8, theirs[1].bytes.begin() + 10);
  EXPECT_FALSE(opener.open(theirs[1].name, theirs[1].name, theirs[1].bytes));
  TrustedKeys both = us.trusted;
  both.add(*them.signer);
  EXPECT_TRUE(Opener(both).open(seal(records(1), "", *them.signer)[0].name, key(records(1)[0]),
                                seal(records(1), "", *them.signer)[0].bytes));
}

// Each bit of it counts, before and after the tree that it is from is known.
TEST(Sealed, IsNothingWhenItIsChanged) {
  Operator us;
  std::vector<FunctionRecord> all = records(6);
  for (const SealedRecord& whole : seal(all, "", *us.signer)) {
    Opener knowing(us.trusted);
    EXPECT_TRUE(knowing.open(whole.name, whole.name, whole.bytes));
    for (size_t at = 0; at < whole.bytes.size(); ++at) {
      SealedRecord changed = whole;
      changed.bytes[at] ^= static_cast<uint8_t>(1u << at % 8);
      std::optional<FunctionRecord> opened = Opener(us.trusted).open(whole.name, whole.name, changed.bytes),
                                    known = knowing.open(whole.name, whole.name, changed.bytes);
      // How many there were decides nothing that is not checked otherwise.
      bool counts = at == 8 || at == 9;
      EXPECT_TRUE(!opened || (counts && opened == knowing.open(whole.name, whole.name, whole.bytes))) << at;
      // What is known needs no signature: it may be any, around the very same record.
      EXPECT_TRUE(!known || known == Opener(us.trusted).open(whole.name, whole.name, whole.bytes)) << at;
      EXPECT_FALSE(at >= whole.bytes.size() - 10 && known) << at;
    }
    for (size_t size = 0; size < whole.bytes.size(); ++size)
      EXPECT_FALSE(knowing.open(whole.name, whole.name, llvm::ArrayRef(whole.bytes).take_front(size))) << size;
    std::vector<uint8_t> longer = whole.bytes;
    longer.push_back(0);
    EXPECT_FALSE(knowing.open(whole.name, whole.name, longer));
  }
}

// A tenant's function is nobody else's: it has a name that no other namespace gives it, and under another it is not
// opened.
TEST(Sealed, IsOfItsNamespace) {
  Operator us;
  FunctionRecord whole = record(1);
  FunctionKey its_key = key(whole);
  std::vector<SealedRecord> acme = seal(whole, "tenant acme", *us.signer), common = seal(whole, "", *us.signer);
  EXPECT_EQ(acme[0].name, shared_name("tenant acme", its_key));
  EXPECT_EQ(common[0].name, its_key);
  Opener of_acme(us.trusted), of_all(us.trusted);
  EXPECT_TRUE(of_acme.open(acme[0].name, its_key, acme[0].bytes) == whole);
  for (llvm::StringRef other : {"", "tenant acm", "tenant acme2", "tenant evil"})
    EXPECT_FALSE(of_acme.open(shared_name(other, its_key), its_key, acme[0].bytes)) << other.str();
  EXPECT_TRUE(of_all.open(common[0].name, its_key, common[0].bytes) == whole);
  EXPECT_FALSE(of_all.open(acme[0].name, its_key, common[0].bytes));
}

// An operator's own mistake, or a key in wrong hands: what is signed is still checked against its key and a bound.
TEST(Sealed, HoldsARecordOfItsKey) {
  Operator us;
  FunctionRecord whole = record(1);
  std::vector<SealedRecord> sealed = seal(whole, "", *us.signer);
  EXPECT_FALSE(Opener(us.trusted).open(key(record(2)), key(record(2)), sealed[0].bytes));
}

TEST(Sealed, KnowsHowLargeAFrameWillBe) {
  std::string much(5'000'000, 'x'), frame = zstd_frame(much);
  EXPECT_LT(frame.size(), 1000u);
  EXPECT_EQ(zstd_content(frame, much.size()), much);
  EXPECT_EQ(zstd_content(frame, much.size() - 1), std::nullopt);
  EXPECT_EQ(zstd_content(frame.substr(0, frame.size() - 1), much.size()), std::nullopt);
  EXPECT_EQ(zstd_content("", 100), std::nullopt);
  EXPECT_EQ(zstd_content("not a frame", 100), std::nullopt);
}

}  // namespace
}  // namespace aotc
