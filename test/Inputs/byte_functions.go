// Digests of many lengths, by whole and by part, ciphers, checksums, and the byte functions at every small length and offset.
package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math"
	"strings"
)

func main() {
	text := make([]byte, 3000)
	for i := range text {
		text[i] = byte(i*7 + i/256)
	}
	all := sha256.New()
	var h, old hash.Hash = sha256.New224(), sha1.New()
	for n := range text {
		digest := sha256.Sum256(text[:n])
		all.Write(digest[:])
		h.Write(text[n : n+n%131%(len(text)-n+1)])
		sum := sha1.Sum(text[:n])
		old.Write(sum[:])
		old.Write(text[n : n+n%131%(len(text)-n+1)])
	}
	mac := hmac.New(sha256.New, text[:70])
	mac.Write(bytes.Repeat(text, 200))
	fmt.Printf("%x\n%x\n%x\n%x\n", all.Sum(nil), h.Sum(nil), old.Sum(nil), mac.Sum(nil))

	var wrong int
	for n := 0; n < 150; n++ {
		for at := 0; at < 20; at++ {
			a := append([]byte(nil), text[at:at+n]...)
			b := append([]byte(nil), a...)
			check := func(ok bool) {
				if !ok {
					wrong++
				}
			}
			check(bytes.Equal(a, b) && bytes.Compare(a, b) == 0 && bytes.IndexByte(a[:n:n], 255-byte(at)) == slow(a, 255-byte(at)))
			for i := range b {
				b[i] ^= 0x80
				check(!bytes.Equal(a, b) && bytes.Compare(a, b) == sign(int(a[i])-int(b[i])) && bytes.IndexByte(a, a[i]) == slow(a, a[i]))
				b[i] ^= 0x80
			}
			check(n == 0 || bytes.Compare(a, b[:n-1]) == 1 && bytes.Compare(a[:n-1], b) == -1)
		}
	}
	ciphers(text)
	checksums(text)
	fused(text)
	fmt.Println("wrong:", wrong+places())
}

// Every size of key; a block in place, to elsewhere, and overlapping as Go allows it; and what is built of blocks.
func ciphers(text []byte) {
	all := sha256.New()
	for _, size := range []int{16, 24, 32} {
		block, err := aes.NewCipher(text[size : 2*size])
		if err != nil {
			panic(err)
		}
		out := append([]byte(nil), text...)
		for at := 0; at+16 <= len(out); at += 7 {
			block.Encrypt(out[at:], out[at:])
			block.Decrypt(out[(at*5)%1000:], text[at:at+16])
		}
		all.Write(out)
		for n := 0; n < 200; n += 3 {
			cipher.NewCTR(block, text[n:n+16]).XORKeyStream(out, text[:n])
			all.Write(out[:n])
			gcm, _ := cipher.NewGCM(block)
			sealed := gcm.Seal(nil, text[n:n+12], text[:n], text[n:2*n])
			opened, err := gcm.Open(nil, text[n:n+12], sealed, text[n:2*n])
			if err != nil || !bytes.Equal(opened, text[:n]) {
				panic("GCM")
			}
			all.Write(sealed)
		}
		counted(block, text, all)
		cipher.NewCBCEncrypter(block, text[:16]).CryptBlocks(out[:1600], text[:1600])
		cipher.NewCBCDecrypter(block, text[16:32]).CryptBlocks(out[:1600], out[:1600])
		all.Write(out)
		func() { // too short: Go's own panic
			defer func() { all.Write([]byte(fmt.Sprint(recover()))) }()
			block.Encrypt(out[:15], text)
		}()
	}
	fmt.Printf("%x\n", all.Sum(nil))
}

// Many blocks of a counter: one that overflows, from within a block, in place and for others' texts; and what authenticates them.
func counted(block cipher.Block, text []byte, all hash.Hash) {
	most := bytes.Repeat([]byte{255}, 16)
	for _, n := range []int{1, 127, 128, 129, 255, 1024, len(text)} {
		out := append([]byte(nil), text[:n]...)
		stream := cipher.NewCTR(block, most)
		stream.XORKeyStream(out[:n/3], out[:n/3])
		stream.XORKeyStream(out[n/3:], out[n/3:])
		all.Write(out)
		for _, size := range []int{12, 16} {
			gcm, _ := cipher.NewGCMWithNonceSize(block, size)
			sealed := gcm.Seal(out[:0], most[:size], out, text[:n])
			all.Write(sealed)
			if opened, err := gcm.Open(nil, most[:size], sealed, text[:n]); err != nil || len(opened) != n {
				panic("GCM")
			}
			sealed[n/2] ^= 1
			if _, err := gcm.Open(nil, most[:size], sealed, text[:n]); err == nil {
				panic("GCM takes what was changed")
			}
		}
	}
}

// Every length up to some, so that each way to begin and to end is taken; a polynomial that nobody has instructions for, and tables
// that are nobody's.
func checksums(text []byte) {
	var sums []uint32
	own := crc32.MakeTable(crc32.IEEE)
	for _, table := range []*crc32.Table{crc32.IEEETable, crc32.MakeTable(crc32.Castagnoli), crc32.MakeTable(crc32.Koopman), own} {
		sum := uint32(0)
		for n := 0; n < 400; n++ {
			sum = sum*31 + crc32.Checksum(text[n%17:n%17+n], table)
			sum = crc32.Update(sum, table, text[n:len(text)-n])
		}
		sums = append(sums, sum, crc32.Checksum(bytes.Repeat(text, 500), table))
	}
	fmt.Printf("%x\n", sums)
}

// Numbers of every kind, and results that barely are numbers. A product too small to be one, and nothing to add to it, has another
// sign before Go 1.24.
func fused(text []byte) {
	all := sha256.New()
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, 1.5, math.Pi, 1e300, -1e300, 1e-300, 5e-324, -2.2250738585072014e-308, math.MaxFloat64, math.Inf(1), math.Inf(-1), 1 << 53, 1e16 + 2, 0.1}
	for i := 0; i+8 <= 800; i += 8 {
		numbers = append(numbers, math.Float64frombits(binary.LittleEndian.Uint64(text[i*3:])^uint64(i)<<53))
	}
	for _, x := range numbers {
		for _, y := range numbers {
			for i, z := range numbers {
				if i%5 == 0 {
					z = -x * y
				}
				if x*y == 0 && z == 0 && x != 0 && y != 0 {
					continue
				}
				if result := math.FMA(x, y, z); result == result {
					var bytes [8]byte
					binary.LittleEndian.PutUint64(bytes[:], math.Float64bits(result))
					all.Write(bytes[:])
				}
			}
		}
	}
	fmt.Printf("%x\n", all.Sum(nil))
}

// Texts of two letters, in which nearly every place nearly is the right one.
func places() (wrong int) {
	for size := 0; size < 60; size++ {
		for seed := uint32(1); seed < 40; seed++ {
			text := make([]byte, size+int(seed)*7)
			state := seed * 2654435761
			for i := range text {
				state ^= state << 13
				state ^= state >> 17
				state ^= state << 5
				text[i] = 'a' + byte(state>>9&1)
			}
			for n := 2; n < 20 && n <= len(text); n++ {
				for _, wanted := range [][]byte{text[len(text)-n:], text[len(text)/2 : len(text)/2+min(n, len(text)/2)], append([]byte("b"), bytes.Repeat([]byte("a"), n)...)} {
					want := -1
					for i := 0; i+len(wanted) <= len(text) && want < 0; i++ {
						if string(text[i:i+len(wanted)]) == string(wanted) {
							want = i
						}
					}
					if bytes.Index(text, wanted) != want || strings.Index(string(text), string(wanted)) != want {
						wrong++
					}
				}
			}
		}
	}
	long := strings.Repeat("a", 200000)
	if strings.Index(long, strings.Repeat("a", 1000)+"b") != -1 || strings.Index(long+"b", strings.Repeat("a", 1000)+"b") != 199000 {
		wrong++
	}
	return wrong
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func slow(text []byte, wanted byte) int {
	for i, b := range text {
		if b == wanted {
			return i
		}
	}
	return -1
}

func sign(x int) int {
	if x < 0 {
		return -1
	}
	if x > 0 {
		return 1
	}
	return 0
}
