#pragma once

#include <string_view>

// Keys made for these tests alone, and tokens signed with them by another implementation (PyJWT and Python's hmac).
namespace holdfast::test {

constexpr std::string_view kEcPrivate = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5yawdfOdpCCJ90BK
9PIlVaMRDu7RRm5L2r//ovKD2gmhRANCAARxiEqPFf0iNNDA5HPec+e4h3GOUofG
enaAzQ0iLR7e+6Viy7y6Lt27o1OSEggBi290UySVV+utoqPdT4m/z3ar
-----END PRIVATE KEY-----
)";
constexpr std::string_view kEcPrivateSec1 = R"(-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOcmsHXznaQgifdASvTyJVWjEQ7u0UZuS9q//6Lyg9oJoAoGCCqGSM49
AwEHoUQDQgAEcYhKjxX9IjTQwORz3nPnuIdxjlKHxnp2gM0NIi0e3vulYsu8ui7d
u6NTkhIIAYtvdFMklVfrraKj3U+Jv892qw==
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view kEcPublic = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcYhKjxX9IjTQwORz3nPnuIdxjlKH
xnp2gM0NIi0e3vulYsu8ui7du6NTkhIIAYtvdFMklVfrraKj3U+Jv892qw==
-----END PUBLIC KEY-----
)";
constexpr std::string_view kRsaPrivate = R"(-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCtvVQ35PFwhuCz
BwjJ2dYa3nQcxM3RjKiUzyeTLyY1WePFUAEwNKgis2+QzHAzWJJQRC8k2QJbA8RT
tYoRqMCel3OQ3MJk5jl/7gwhc4CVlRB36hkDnq30RBCC4E64zUNIEUvYqwXqsKv4
AzYjEb7WdnufAqR2jdcZoRp/uVbng4NzVJB6m2gBbTTlF37OKL73NR+86zQcLQx7
BY+xG9YXrocrDtftLZh8Ex98BHn0wvRHsJ2GQzMM+SlXqGbmzQ3O1U14XLJfeirA
h2LIk+4zTnOXgB4f1qCh0l4mKM5glcIReb+dDapENOEq6Uo8Tu0SnCo/Bs+Nvv9r
f72co7sFAgMBAAECggEAAsntB67LtJ86w+YLL4jWtqXE0t1ARzhYdRvkR+ja353b
3lrT8FdBwKbXeluRujQfXWZlpFQYadWEG/zfCSpQ0FiXN8LOP5O6U8QwLSjaktnP
Oa8+4p1h5qaGCuV5DN78mircnw8KSXOlUd8kwOzavrxRo3SFuYJxIY/vjqITk9r0
Znj0MMgWQFX9WQNfVESslPDn7LiuUUtA5JD24bOhlrX73hRT79XgMrS2vN78TB6w
cfjSh0JGOVkGa81jyQKDf4sAqVewM9rs+htR0tp8DdbD1vGFb9Gf90038+UsBdHy
TfhOjmLJbHZQP3fkIxkjW2QxmXejwCFwpraRgBhwQQKBgQDWaj1cy0ECL/wYy+uQ
IbKeU8GbMDGbQh7+S3JnEWGZpvRKLez8x6t23bgs8CGZ0J6KaAyb+i8r2MCJS6Rl
CMjXr4vjtg34+75qVCiFr66bG2fUDfmT8qlna+H99mVL1+V/nnmiFoT/BnsemRMf
WNqjjpf4SgmYWQM5XlkrRbD7xQKBgQDPb4sjTjjVOUCEEhzoprUAZF+RvytSKdlg
Oz0KlNfLNvlaKs8p7W9H1NX+flxJJiLDhx3C5gCQX7rMORUL/+RCsX2HML+qEuHr
v/gC41XCZr+MJgTRT0HfwJ+Uv95eTVox3otrrG5YmLVfOt1LdQR1m5eOnBSeyHbI
nN4R03t2QQKBgQCHqaytm8TEF4xQPCYNieS0HJZxFGsuqwVlLGN0JyEz0NjcXnaF
8efhS6QOetkns0G8nNzti7xw57HarMuVSZuaLG48Y6IvmUj/icQh4eh+JzboivcQ
zwa0cyQIRfANrsp8ls6q6ci4e2dHEt9whA3CUqSA6odrp1ZM5A9TO8MhaQKBgE4p
8tz34bR+4U+i35/PCY8/Qz/RMErCmDWJvOOa2IGrkmQmk29yF6eSjJxcEvxBUYIq
DM3fC0FbwTCpJcQixWlYJjvl46L7gIPsD1FPRoZ9Xxo5TUFtwx3EIJ3Ver5AGYeH
GzQUgnQB/v4GWVLQokCKw54qNB7s3M2VRpyi+vfBAoGAcCBWYmPStgY15Nf2F3os
v2a30/XEiO3mQA3QXYxNsbQjmXAJLv0gGVpnafXFzOCZzdWU6Owi+YuMJTBQg407
MT2mE6HvEOt8VIIJhIe0bku/04ud9sRb1LTPXYvZ8LBzNmw0oearzekhCrHgOTFD
IUf+zvO5Z+2CUAaf3u89ybI=
-----END PRIVATE KEY-----
)";
constexpr std::string_view kRsaPrivatePkcs1 = R"(-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEArb1UN+TxcIbgswcIydnWGt50HMTN0YyolM8nky8mNVnjxVAB
MDSoIrNvkMxwM1iSUEQvJNkCWwPEU7WKEajAnpdzkNzCZOY5f+4MIXOAlZUQd+oZ
A56t9EQQguBOuM1DSBFL2KsF6rCr+AM2IxG+1nZ7nwKkdo3XGaEaf7lW54ODc1SQ
eptoAW005Rd+zii+9zUfvOs0HC0MewWPsRvWF66HKw7X7S2YfBMffAR59ML0R7Cd
hkMzDPkpV6hm5s0NztVNeFyyX3oqwIdiyJPuM05zl4AeH9agodJeJijOYJXCEXm/
nQ2qRDThKulKPE7tEpwqPwbPjb7/a3+9nKO7BQIDAQABAoIBAALJ7Qeuy7SfOsPm
Cy+I1ralxNLdQEc4WHUb5Efo2t+d295a0/BXQcCm13pbkbo0H11mZaRUGGnVhBv8
3wkqUNBYlzfCzj+TulPEMC0o2pLZzzmvPuKdYeamhgrleQze/Joq3J8PCklzpVHf
JMDs2r68UaN0hbmCcSGP746iE5Pa9GZ49DDIFkBV/VkDX1RErJTw5+y4rlFLQOSQ
9uGzoZa1+94UU+/V4DK0trze/EwesHH40odCRjlZBmvNY8kCg3+LAKlXsDPa7Pob
UdLafA3Ww9bxhW/Rn/dNN/PlLAXR8k34To5iyWx2UD935CMZI1tkMZl3o8AhcKa2
kYAYcEECgYEA1mo9XMtBAi/8GMvrkCGynlPBmzAxm0Ie/ktyZxFhmab0Si3s/Mer
dt24LPAhmdCeimgMm/ovK9jAiUukZQjI16+L47YN+Pu+alQoha+umxtn1A35k/Kp
Z2vh/fZlS9flf555ohaE/wZ7HpkTH1jao46X+EoJmFkDOV5ZK0Ww+8UCgYEAz2+L
I0441TlAhBIc6Ka1AGRfkb8rUinZYDs9CpTXyzb5WirPKe1vR9TV/n5cSSYiw4cd
wuYAkF+6zDkVC//kQrF9hzC/qhLh67/4AuNVwma/jCYE0U9B38CflL/eXk1aMd6L
a6xuWJi1XzrdS3UEdZuXjpwUnsh2yJzeEdN7dkECgYEAh6msrZvExBeMUDwmDYnk
tByWcRRrLqsFZSxjdCchM9DY3F52hfHn4UukDnrZJ7NBvJzc7Yu8cOex2qzLlUmb
mixuPGOiL5lI/4nEIeHofic26Ir3EM8GtHMkCEXwDa7KfJbOqunIuHtnRxLfcIQN
wlKkgOqHa6dWTOQPUzvDIWkCgYBOKfLc9+G0fuFPot+fzwmPP0M/0TBKwpg1ibzj
mtiBq5JkJpNvchenkoycXBL8QVGCKgzN3wtBW8EwqSXEIsVpWCY75eOi+4CD7A9R
T0aGfV8aOU1BbcMdxCCd1Xq+QBmHhxs0FIJ0Af7+BllS0KJAisOeKjQe7NzNlUac
ovr3wQKBgHAgVmJj0rYGNeTX9hd6LL9mt9P1xIjt5kAN0F2MTbG0I5lwCS79IBla
Z2n1xczgmc3VlOjsIvmLjCUwUIONOzE9phOh7xDrfFSCCYSHtG5Lv9OLnfbEW9S0
z12L2fCwczZsNKHmq83pIQqx4DkxQyFH/s7zuWftglAGn97vPcmy
-----END RSA PRIVATE KEY-----
)";
constexpr std::string_view kRsaPublic = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArb1UN+TxcIbgswcIydnW
Gt50HMTN0YyolM8nky8mNVnjxVABMDSoIrNvkMxwM1iSUEQvJNkCWwPEU7WKEajA
npdzkNzCZOY5f+4MIXOAlZUQd+oZA56t9EQQguBOuM1DSBFL2KsF6rCr+AM2IxG+
1nZ7nwKkdo3XGaEaf7lW54ODc1SQeptoAW005Rd+zii+9zUfvOs0HC0MewWPsRvW
F66HKw7X7S2YfBMffAR59ML0R7CdhkMzDPkpV6hm5s0NztVNeFyyX3oqwIdiyJPu
M05zl4AeH9agodJeJijOYJXCEXm/nQ2qRDThKulKPE7tEpwqPwbPjb7/a3+9nKO7
BQIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view kP384Private = R"(-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDC+0G9lY7QfCgTfjRq5Xxs0zsNTswXKYCbVMrzDpAI6F52sD5HJ8sch
5drau0laFV2gBwYFK4EEACKhZANiAATu6a9Aog13ShUK7mC53TlVSbfJSUFSfN2A
IwXf4VYL/YGJHZCofyrCcqYUgYJjwKntQ5GPFDRTYX6M83fK4lOX2KXaLXVotzm1
QUjiZTlobVhb2vWQQ6F5MgvjelZG8v0=
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view kP384Public = R"(-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE7umvQKINd0oVCu5gud05VUm3yUlBUnzd
gCMF3+FWC/2BiR2QqH8qwnKmFIGCY8Cp7UORjxQ0U2F+jPN3yuJTl9il2i11aLc5
tUFI4mU5aG1YW9r1kEOheTIL43pWRvL9
-----END PUBLIC KEY-----
)";
constexpr std::string_view kSecp256k1Private = R"(-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIDXK9OputW1y/IIXkz0FQVIjR64o2IQmS2i9M43XSP8toAcGBSuBBAAK
oUQDQgAE8hfWd8CNM3S3lok7zoOW7u0WLYTNeulMxMQMHIhWDDhbi6NvzxF/Taka
hXVA6G/DUbDI5HHCPsYT3dV08QhfDw==
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view kRsa1024Private = R"(-----BEGIN PRIVATE KEY-----
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKDkC404Mw/SlpWG
u1TD1kSXsiYVkL/QQjtpIUe7X4CKXtTTaDG17DKsKMDYKB8sHyR3FfQ28tuIyqpl
i9hlh0gkmOFngkJp/Ms2wNAC8pxrepBd+ffKMf76tXdX4WoNAolI3G2M1PA8gV+L
0SqOQbp7yc+KEDaqDzBqUoQptIyNAgMBAAECgYAvqwEFKSZvxKvax11PQuqDzhH5
GKCXRAOriH1UvF4SPmzUT4JqYAUIClvUrvZMLg1YB3RYs8MGaiPpkkZ5qbMHo4TL
n3eEqZ/5xnNYVT/4LyoBILSjH9nN5uLsY4+AKtMccJs9R4hbUB7kLVDLDSXpiUNk
J1jDiBe7uJP5mBLXvQJBANHRYTa2/dnSIh5fzougOp1z3PS7U0iGaaJyPiVXfl1/
lS3MhwKiYS8Bo8LjQuiO5wNL8Z18dG3RTd7NMew42DMCQQDETcSdILNWAI7GEU8x
ah8NAVS5ofL8gnA4x94FfUfM183qGYovyMGzWuSCLsDzuU3AwYKZixyGASkQV/pk
c0g/AkANTJI2355zggg7mKME4qEUfdWRhZYf0LU9YLRjtYoC7yVLg91C43v5eMci
gTkqeHRYFyY3bz4J/+xJpQP3DxtVAkEAi9F0ZBJBidUV3D/B70lN2n6DMUEHiBEE
C31YRwKnnGBtWvtb8JMGXFA2B/9zEWV/2vY5plFuPIghDnILd3ahEwJAeq6jLmie
6/UhCcLgwQZlyjsgPiU+aMOtAjaDfm+I7sD9IHuiQs9i596pd07KBYY6xiDHyLEs
5xKzvV5qdIQTTg==
-----END PRIVATE KEY-----
)";
constexpr std::string_view kRsa1024Public = R"(-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCg5AuNODMP0paVhrtUw9ZEl7Im
FZC/0EI7aSFHu1+Ail7U02gxtewyrCjA2CgfLB8kdxX0NvLbiMqqZYvYZYdIJJjh
Z4JCafzLNsDQAvKca3qQXfn3yjH++rV3V+FqDQKJSNxtjNTwPIFfi9EqjkG6e8nP
ihA2qg8walKEKbSMjQIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view kEd25519Private = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINFFjmr7XMVgJZ6MwA7qchL6JJT0DgFtLKf2TiEaZiCQ
-----END PRIVATE KEY-----
)";
constexpr std::string_view kEd25519Public = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA2LsTkmfpOjkiXCMuOcyqyJYtKyFkjtmXVfAepWaRst4=
-----END PUBLIC KEY-----
)";
constexpr std::string_view kEcEncrypted = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjccmJd8fNl3QICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJmrJdm0CC3x4rSC8IprcLAEgZCE
+N5tb5BxHCYh9ElXVp/t4xXOCsOz0b6QKcNCLt9p9d7Sl5RVLtRNEQ4ueZp095PE
jWBU4YPfd9xuthrleFTgloy/4y9tnFmbYLgNn4TcGwnUQPc0Kt4gdLRhj4/aOAQS
GTHZYfpklYuZsMnP8sUCOAzyU89GkoHWxUzDBOqKSb1/3AqTYuqjbUbR3WPtaKc=
-----END ENCRYPTED PRIVATE KEY-----
)";
constexpr std::string_view kRsaEncryptedPkcs1 = R"(-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,735579CC0A1F9944E4A60D16470125DC

D/Lq5dYSFNBufK5SbeJZfwIhhjmfXl3WzPjYuN9IbBA34qPgARsBqjYF3ctj/ZLu
aVxBKtxFOozfkpl0WxxPijCgapmzJzL0xg4uq9b+/YoD+3Tx/Abwy2dkqd5NQeXY
4/w0GkOBQ/WnAikfZXWYhS/61JXaTTXqpr76Rm0+ZqGmseC9Pgqz+2lfa0ACHXQs
SGVpQXtQP41FteoHEPRwlWV63TZn68W8FvWVpPOs01G2q5r0FU4+dzuLkNictV2H
TDt32UTBH4kgKtJ7oKPcmpTlTh967Dur4KsXJZwwoRfGOHVojbd0zYhKdEWzUmcc
nA4EiWmXYvmbh3UD6YUe/cdKH8sw5aHpa7rsqbfpIt6lBdkJNOQ1/GtgdSWhEUu3
blvOqm59/5Z27nlSxzO2QT5epqKZsTz6umh53SGhbAffkFWjIglBdWFTFw58mPrx
wGP9HmxV5xouFXlCbv/oNTPQfX9ddaK+wXfcyH0aInEtKRMJqzwv0xPKT2dFeEOJ
JSMkbWoyYntvZDH4wbVOreNCG7TgOsWKrzoCpBs88I5FMg2D3PTgBRgHdm9TUCOl
tnsdglwHnADRwHxzNhvaidRUup4IX4OWBq5hj9V9PL0XNgftJtWLPEVPKQnS+sJd
6nez5NxoB0jaduoblBfD3nGUgekET92P0NGrzfTOcwy6zfcSro+78UD/fbLLtQPt
9F6QpoKdp2CWF9/F+Ukk1p5vrvumfbZv1RbHkQ46oXJqYjXWHl2fikI4b5yyz1pU
bObV10wJXBsoTRs9mBE92qYajtti82iP17Aw5bfPPYyghiGWkwWZ9rlYnWoMndNW
h+Bi95H6DiPSkWwJ+utql2B7RMO2BmGk8Gack0e0j7bymEQQ5QAKr6mswkwD4uxE
bwCqVxZPQzbP2ctcJcLTLcmJgnqGhOmZX0PIIadG+h88yHfsCwbQ5eVaRD8SI+Mb
bBwTfdr5wg8BuA0JiugH16EStGa6enoRZEfZy1MGmxRB6PQE0w4rFIf5bqCGNYS/
LnDgZrQdPlJkQvsdIHwIp4/zo7GI37RRwloo8USPrp4TtVIBoiNK14Nh/W7k2ibW
PaFmg4HQTxK43DFXXqi4Fv4x8oBDHjBm+A7XZhd3B6OvVUS+N2ISF0271MxZyXT3
nOU81yFZquL4wWD1yY7bIHt+Ve3kMicFMQX7ZKiHcpCTi51xNATPJxC9VIXnL4Dv
Kn0zcKC0dswR3Y2SPWiZiPZuwnDgPgJP5lVakOn4px0Bp19K+pn4/enj53l6dExC
RNoLbwZRUdogKi9ycWKSRo3nry1OjmUdFHIIKglAfDsI//tZM+M003RKhi5e+UlA
MrXyR0cs0di7wsQo4MzDwn2jWdKWIGdnYNMtruvc0foDo+przxp0tXEkhMCSiEdm
w1Z7jjy2sllMqcTy9ZpTeiEHQac3ahWY6fjApo0EXgo2NFHZRTs0rXoLTaAGRFT5
447iYV3GjF7kuRDfaU94+0CMYXNVYX7jFj//nRWM+LcozQ+d3QqUUZVJtgyo5Zlq
BGJ7XBVvzVvB3EuAoFIEiAvUTLR7zNuMNv5/TkQukWagOJh7iooownCwh1w6dmoo
-----END RSA PRIVATE KEY-----
)";

// {"iss":"u","exp":1700003600}, each signed with the key that its name says; the secret is "changeme".
constexpr std::string_view kHsToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.QORaS1VMbLKE2NE8YHuEKyuX"
    "6ybHy45JyVE9F_GYZUg";
constexpr std::string_view kEsToken =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.SbM228WKRAg8LYeLXcZsQiDm"
    "VnDTEnfUsi_ChlR5GVdBU7cf5hG0z2678k-NuzrEadJVqOMJCnFnlkNdW2TIIA";
constexpr std::string_view kRsToken =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.HpkHeDe82dO8CeXxtZyPdmax"
    "CjzjFYPMGaW2ABAzOwI0k3UKLF25amtsJpGb8k3PQ9R1QroNLRc_Sm0MLwpAYfGHfT18Z_Og6TSs-FF9SD1kT9lbE29Cb59TIXNO"
    "W9xeqsuwXEVhBHIL3ilVBJSraFNyubVKabQXt5kltoefBc-Bd4SvQLuIwdOP534Tt6kGr9-Es2n2CBbYWWeGv88zKWhs4XLvw9fH"
    "SdlSJUbDyFfPDMBIyBCwcWorzJB2NRkhtuCPtZarc6Lt2-CiQ6T0yx0HO9Rx-xO-PELvZFgGTBeP_-uKiewx-ndXa-1gbsrXbpQc"
    "TbaoQSpBSmjoppf6sg";
// What sign("pushpin") at 1700000000 must yield with the secret "changeme".
constexpr std::string_view kHsExactToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDM2MDAsImlzcyI6InB1c2hwaW4ifQ.ul_oLf68fYehG06W"
    "Sg60Mrrwm_hEbHfdvbUNjZ0TRe4";

// The same claims, with a public key taken for a secret.
constexpr std::string_view kHsByRsaPublicToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.fVdjLNPpWWffkanEoC0Q-0tT"
    "arvoxaYF0oLxdv4ChxY";
constexpr std::string_view kHsByEcPublicToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.UL8__V9RK4ep_FceeS5P8g1Y"
    "lYhOuxU4bxxHf5J_fmM";

// Signed with "changeme", and wrong in the way that the name says.
constexpr std::string_view kNoExpToken = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1In0.Rc5LmYPZdhKbC7uzFTJp9FGHEguDvAg1JwOmSAXn8Qk";
constexpr std::string_view kTextExpToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOiIxNzAwMDAzNjAwIn0.ucD2SXKdIbfLj5HDmH23Uq7WRUL_pg0k8nu"
    "NOxyFLfI";
constexpr std::string_view kNullExpToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOm51bGx9.FrAJD8Fws-D-e0woq8mxgPJyctalOOp9iKsTVY_RZeI";
constexpr std::string_view kHugeExpToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjFlOTk5fQ.apcCS2nZ6_pCHE7CAfbuWmF1l2f5eGOH6ABvl7SzLmE";
constexpr std::string_view kPayloadArrayToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.WzE3MDAwMDM2MDBd.85em-7eTPw2DZy0FkdYs04Py4NNPRYJhuIg7tl_jWNU";
constexpr std::string_view kPayloadNotJsonToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.ZXhwPTE3MDAwMDM2MDA.7R9J7JCR27bsMTxxOc3Ot88-lsaxsId3Rsd_PvIQpx0";
constexpr std::string_view kCriticalToken =
    "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.Gi23"
    "r0Njl8xtY-W9tLiDuXsEGoB7CzIiS2hUwAnYIWs";
constexpr std::string_view kNoAlgToken =
    "eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.MVVPQcaINZET9C-EcMe0WR_yvvHae6zR8gS6fDt22c"
    "A";
constexpr std::string_view kLowerCaseAlgToken =
    "eyJhbGciOiJoczI1NiJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.VJFH3UFZ8zV8IcP3eqci0tPMHY535pR3s9NQfTh4"
    "CDg";
constexpr std::string_view kHeaderNotJsonToken =
    "SFMyNTY.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.3tDE4UeRD8oxqp4NCr6NVTsGes_UvJGL2q4a3cfrSyA";
constexpr std::string_view kHeaderArrayToken =
    "WyJIUzI1NiJd.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.mvzws_fOPe_HxvpWKcytIMi2LMQ5WQNvYobbL78oW9I";
constexpr std::string_view kAlgNotTextToken =
    "eyJhbGciOjI1Nn0.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.x84l_vbPwAPQYIZjjzDDMaT_O8k_4Yyipl7tzJlMJY4";
constexpr std::string_view kNoneToken =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.QVRIRAarXU0DARSXTXAzEG8kBDDx3i-8EBWh3MZRM"
    "PU";
constexpr std::string_view kHs512Token =
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ1IiwiZXhwIjoxNzAwMDAzNjAwfQ.QlpFa_NIWiLaIUeFfAaT_m2n"
    "3ewNrh89Dz3WeV7l3sPee29C-MvRD7WrrUHFB-LoCPcapBUu589L3-r9TZc92A";
// Right: exp may have a fraction.
constexpr std::string_view kFractionExpToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDAwMDAuNX0.ve7t3ANxhpLSO-2Esej1JJDsT60OCXi1vDT"
    "pgy1QBKg";

}  // namespace holdfast::test
