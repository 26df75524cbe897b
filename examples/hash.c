/* A string hash: small enough to read its assembly and the IR that is lifted from it. */
unsigned djb2(const unsigned char *text, unsigned long length) {
    unsigned hash = 5381;
    while (length--)
        hash = hash * 33 ^ *text++;
    return hash;
}
