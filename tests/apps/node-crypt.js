// For tests/apps/node.sh: MODE enc|dec KEY IV, standard input to standard output, by node:crypto or WebCrypto.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const [mode, direction, keyHex, ivHex] = process.argv.slice(2);
const key = Buffer.from(keyHex, 'hex');
const iv = Buffer.from(ivHex, 'hex');
const data = fs.readFileSync(0);
const encrypting = direction === 'enc';

function pieces(cipher, input, size) {
  const out = [];
  for (let i = 0; i < input.length; i += size) out.push(cipher.update(input.subarray(i, i + size)));
  out.push(cipher.final());
  return Buffer.concat(out);
}

function byCipheriv() {
  const name = mode.replace('-whole', '');
  const size = mode.endsWith('-whole') ? Infinity : 7001;
  if (name !== 'aes-256-gcm') {
    const make = encrypting ? crypto.createCipheriv : crypto.createDecipheriv;
    return pieces(make(name, key, iv), data, size);
  }
  if (encrypting) {
    const cipher = crypto.createCipheriv(name, key, iv);
    cipher.setAAD(Buffer.from('header'));
    const sealed = pieces(cipher, data, size);
    return Buffer.concat([cipher.getAuthTag(), sealed]);
  }
  const decipher = crypto.createDecipheriv(name, key, iv);
  decipher.setAuthTag(data.subarray(0, 16));
  decipher.setAAD(Buffer.from('header'));
  return pieces(decipher, data.subarray(16), size);
}

async function byWebCrypto(name) {
  const subtle = crypto.webcrypto.subtle;
  const algorithms = {
    'AES-GCM': { name, iv, tagLength: 128 },
    'AES-CBC': { name, iv },
    'AES-CTR': { name, counter: iv, length: 128 },
  };
  const imported = await subtle.importKey('raw', key, { name }, false, ['encrypt', 'decrypt']);
  const out = await subtle[encrypting ? 'encrypt' : 'decrypt'](algorithms[name], imported, data);
  return Buffer.from(out);
}

async function main() {
  const web = { 'webcrypto-gcm': 'AES-GCM', 'webcrypto-cbc': 'AES-CBC', 'webcrypto-ctr': 'AES-CTR' }[mode];
  fs.writeSync(1, web ? await byWebCrypto(web) : byCipheriv());
}

main().catch((error) => {
  console.error(error, error.opensslErrorStack, error.cause);
  process.exit(1);
});
