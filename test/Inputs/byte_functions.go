// Digests of many lengths, by whole and by part, and the byte functions at every small length and offset.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
)

func main() {
	text := make([]byte, 3000)
	for i := range text {
		text[i] = byte(i*7 + i/256)
	}
	all := sha256.New()
	var h hash.Hash = sha256.New224()
	for n := range text {
		digest := sha256.Sum256(text[:n])
		all.Write(digest[:])
		h.Write(text[n : n+n%131%(len(text)-n+1)])
	}
	mac := hmac.New(sha256.New, text[:70])
	mac.Write(bytes.Repeat(text, 200))
	fmt.Printf("%x\n%x\n%x\n", all.Sum(nil), h.Sum(nil), mac.Sum(nil))

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
	fmt.Println("wrong:", wrong)
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
