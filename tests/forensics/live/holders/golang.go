// Holds the key in a cipher.Block of Go's crypto/aes; the protocol is that of holder.c.
package main

import (
	"crypto/aes"
	"fmt"
	"io"
	"os"
)

func need(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "holder: failed:", err)
		os.Exit(1)
	}
}

func wait() {
	fmt.Println("ready")
	_, err := io.ReadFull(os.Stdin, make([]byte, 1))
	need(err)
}

func main() {
	if os.Args[1] == "idle" {
		wait()
		return
	}
	key := make([]byte, 32)
	_, err := io.ReadFull(os.Stdin, key)
	need(err)
	block, err := aes.NewCipher(key)
	need(err)
	for i := range key {
		key[i] = 0
	}
	work := block.Encrypt
	if os.Args[1] == "dec" {
		work = block.Decrypt
	}
	out := make([]byte, 16)
	work(out, []byte("hsmzke's first\x00\x02"))
	wait()
	work(out, []byte("hsmzke's one\x00\x00\x00\x02"))
	fmt.Printf("%x\n", out)
}
