#!/usr/bin/env bash
# PHP: openssl_encrypt() and openssl_decrypt(). PHP exits with 0 whatever they return, so a program must look at that.
# shellcheck source=tests/apps/lib.sh
source "$APPS_SCRIPTS/lib.sh"

[[ -x /usr/bin/php ]] || leave_out "php-cli is not installed"
/usr/bin/php -r 'exit(extension_loaded("openssl") ? 0 : 1);' || leave_out "PHP's extension openssl is not there"

cat >crypt.php <<'SCRIPT'
<?php
[, $mode, $direction, $key, $iv] = $argv;
[$key, $iv, $data] = [hex2bin($key), hex2bin($iv), stream_get_contents(STDIN)];
if (str_starts_with($mode, 'short-')) {
    [$mode, $key] = [substr($mode, 6), rtrim($key, "\0")];
}
$tag = '';
if ($mode === 'aes-256-gcm') {
    if ($direction === 'enc') {
        $out = openssl_encrypt($data, $mode, $key, OPENSSL_RAW_DATA, $iv, $tag, 'header');
    } else {
        $out = openssl_decrypt(substr($data, 16), $mode, $key, OPENSSL_RAW_DATA, $iv, substr($data, 0, 16), 'header');
    }
} elseif ($direction === 'enc') {
    $out = openssl_encrypt($data, $mode, $key, OPENSSL_RAW_DATA, $iv);
} else {
    $out = openssl_decrypt($data, $mode, $key, OPENSSL_RAW_DATA, $iv);
}
if ($out === false) {
    while ($error = openssl_error_string()) {
        fwrite(STDERR, "$error\n");
    }
    exit(1);
}
fwrite(STDOUT, $tag . $out);
SCRIPT

for mode in aes-256-gcm aes-256-cbc aes-256-ctr; do
    both_ways "$mode" /usr/bin/php crypt.php
done
both_ways short-aes-256-cbc /usr/bin/php crypt.php

matrix_of "aes-256-gcm short-aes-256-cbc" /usr/bin/php crypt.php
