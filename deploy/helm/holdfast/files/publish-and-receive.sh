# What `helm test` does: hold a stream through the client Service, publish through the control Service, wait for the text.
# Nothing but bash, openssl and holdfast, which the image has. CLIENT_HOST, CLIENT_PORT, CLIENT_TLS, CONTROL_URL, TOKEN_FILE say where.
set -eu
name="t$RANDOM$RANDOM$RANDOM"
text="hello-$name"

if [[ -n ${CLIENT_TLS:-} ]]; then
  # Whether the certificate is valid for the Service's name is no business of this test.
  coproc tls { openssl s_client -quiet -connect "$CLIENT_HOST:$CLIENT_PORT" -servername "$CLIENT_HOST" 2>/dev/null; }
  exec {in}<&"${tls[0]}" {out}>&"${tls[1]}"
else
  exec {in}<>"/dev/tcp/$CLIENT_HOST/$CLIENT_PORT"
  out=$in
fi

printf 'GET /holdfast-test/%s HTTP/1.1\r\nHost: %s\r\n\r\n' "$name" "$CLIENT_HOST" >&"$out"
read -r -t 10 status <&"$in" || { echo "no answer from $CLIENT_HOST:$CLIENT_PORT"; exit 1; }
echo "held: ${status%$'\r'}"
[[ $status == "HTTP/1.1 200"* ]] || exit 1

arguments=(--url "$CONTROL_URL" --stream "holdfast-test-$name" "$text")
[[ -z ${TOKEN_FILE:-} ]] || arguments=(--token-file "$TOKEN_FILE" "${arguments[@]}")
for attempt in {1..10}; do
  holdfast publish "${arguments[@]}"
  while read -r -t 2 line <&"$in"; do
    [[ $line != *"$text"* ]] || { echo "received after $attempt"; exit 0; }
  done
done
echo "published, but nothing came through the stream"
exit 1
