#!/usr/bin/env bash
# Ruby: OpenSSL::Cipher, and its dup in mid-stream.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

ruby=/usr/bin/ruby
[[ -x $ruby ]] || leave_out "ruby is not installed"

cat >crypt.rb <<'SCRIPT'
require 'openssl'
mode, direction, key, iv = ARGV
key, iv, data = [key].pack('H*'), [iv].pack('H*'), STDIN.binmode.read
duplicating = mode.end_with?('-dup')
name = mode.delete_suffix('-dup')
gcm = name == 'aes-256-gcm'
encrypting = direction == 'enc'

def pieces(cipher, data, size)
  data.bytes.each_slice(size).map { |piece| cipher.update(piece.pack('C*')) }.join
end

cipher = OpenSSL::Cipher.new(name)
encrypting ? cipher.encrypt : cipher.decrypt
cipher.key = key
cipher.iv = iv
if gcm && !encrypting
  cipher.auth_tag = data.byteslice(0, 16)
  data = data.byteslice(16..)
end
cipher.auth_data = 'header' if gcm
if duplicating
  # A copy in mid-stream goes its own way, and the original is as if there were none.
  half = data.bytesize / 2 + 3
  begun = pieces(cipher, data.byteslice(0, half), 4099)
  copy = cipher.dup
  outputs = [copy, cipher].map do |one|
    out = begun + pieces(one, data.byteslice(half..), 4099) + one.final
    gcm && encrypting ? one.auth_tag + out : out
  end
  raise 'the copy differs' unless outputs.uniq.size == 1
  out = outputs.first
else
  out = pieces(cipher, data, 7001) + cipher.final
  out = cipher.auth_tag + out if gcm && encrypting
end
STDOUT.binmode.write(out)
SCRIPT

for mode in aes-256-gcm aes-256-cbc aes-256-ctr aes-256-gcm-dup aes-256-cbc-dup aes-256-ctr-dup; do
    both_ways "$mode" "$ruby" crypt.rb
done

matrix_of "aes-256-gcm aes-256-cbc" "$ruby" crypt.rb
