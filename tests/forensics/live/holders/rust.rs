// Holds the key in a cipher of Rust's aes crate, bitsliced (fixslice64): built without AES-NI.  The protocol is that of
// holder.c.
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockCipher, NewBlockCipher};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::io::FromRawFd;

// Standard input without the buffer that std::io::stdin() would leave a copy of the key in.
fn read_input(bytes: &mut [u8]) {
    let mut input = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    input.read_exact(bytes).unwrap();
}

fn wait() {
    println!("ready");
    std::io::stdout().flush().unwrap();
    read_input(&mut [0u8; 1]);
}

fn main() {
    let mode = std::env::args().nth(1).unwrap();
    if mode == "idle" {
        return wait();
    }
    let mut key = [0u8; 32];
    read_input(&mut key);
    let cipher = Box::new(aes::Aes256::new(GenericArray::from_slice(&key)));
    for byte in key.iter_mut() {
        unsafe { std::ptr::write_volatile(byte, 0) };
    }
    let work = |bytes: &[u8; 16]| {
        let mut block = *GenericArray::from_slice(bytes);
        if mode == "dec" {
            cipher.decrypt_block(&mut block);
        } else {
            cipher.encrypt_block(&mut block);
        }
        block
    };
    work(b"hsmzke's first\0\x02");
    wait();
    for byte in work(b"hsmzke's one\0\0\0\x02") {
        print!("{:02x}", byte);
    }
    println!();
}
