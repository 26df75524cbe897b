/* A calculator: text -> tokens -> reverse Polish notation -> value, with its own tests.
 *
 *   cc examples/calculator.c -o calculator && ./calculator            runs the tests
 *   ./calculator '2 * (3 + 4)'                                        prints 14
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind { NUMBER, NAME, OPERATOR, OPEN, CLOSE, END, BAD };

struct token {
    enum kind kind;
    long value;    /* of a NUMBER */
    char text[16]; /* of a NAME; one character for the others */
};

struct lexer {
    const char *at;
};

struct rpn {
    struct token items[128];
    int count;
};

enum status { OK, BAD_TOKEN, UNBALANCED, STACK_EMPTY, TOO_LONG, DIVIDED_BY_ZERO, UNKNOWN_NAME };

static const char *const messages[] = {
    "ok", "bad token", "unbalanced parentheses", "operand missing",
    "too long", "division by zero", "unknown name",
};

static struct token make(enum kind kind, char character) {
    struct token token = {kind, 0, {character, 0}};
    return token;
}

static int digit_value(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return 99;
}

static struct token read_number(struct lexer *lexer) {
    struct token token = make(NUMBER, 0);
    int base = 10;
    if (lexer->at[0] == '0' && (lexer->at[1] == 'x' || lexer->at[1] == 'b')) {
        base = lexer->at[1] == 'x' ? 16 : 2;
        lexer->at += 2;
    }
    if (digit_value(*lexer->at) >= base)
        return make(BAD, *lexer->at);
    while (digit_value(*lexer->at) < base)
        token.value = (long)((unsigned long)token.value * base + digit_value(*lexer->at++));
    return token;
}

static struct token read_name(struct lexer *lexer) {
    struct token token = make(NAME, 0);
    size_t length = 0;
    while (isalnum((unsigned char)*lexer->at)) {
        if (length + 1 < sizeof token.text)
            token.text[length++] = *lexer->at;
        lexer->at++;
    }
    token.text[length] = 0;
    return token;
}

static struct token next_token(struct lexer *lexer) {
    while (isspace((unsigned char)*lexer->at))
        lexer->at++;
    char character = *lexer->at;
    if (isdigit((unsigned char)character))
        return read_number(lexer);
    if (isalpha((unsigned char)character))
        return read_name(lexer);
    if (character)
        lexer->at++;
    switch (character) {
    case 0:
        return make(END, 0);
    case '(':
        return make(OPEN, character);
    case ')':
        return make(CLOSE, character);
    case '+': case '-': case '*': case '/': case '%': case '&': case '|': case '^':
        return make(OPERATOR, character);
    default:
        return make(BAD, character);
    }
}

static int precedence(char operator) {
    switch (operator) {
    case '|': return 1;
    case '^': return 2;
    case '&': return 3;
    case '+': case '-': return 4;
    default: return 5;
    }
}

/* Dijkstra's shunting yard. */
static enum status to_rpn(const char *text, struct rpn *out) {
    struct lexer lexer = {text};
    struct token waiting[64];
    int depth = 0;
    out->count = 0;
    for (;;) {
        struct token token = next_token(&lexer);
        if (out->count + depth >= 120 || depth >= 60)
            return TOO_LONG;
        switch (token.kind) {
        case NUMBER: case NAME:
            out->items[out->count++] = token;
            break;
        case OPERATOR:
            while (depth && waiting[depth - 1].kind == OPERATOR
                   && precedence(waiting[depth - 1].text[0]) >= precedence(token.text[0]))
                out->items[out->count++] = waiting[--depth];
            waiting[depth++] = token;
            break;
        case OPEN:
            waiting[depth++] = token;
            break;
        case CLOSE: case END:
            while (depth && waiting[depth - 1].kind == OPERATOR)
                out->items[out->count++] = waiting[--depth];
            if (token.kind == END)
                return depth ? UNBALANCED : OK;
            if (!depth--)
                return UNBALANCED;
            break;
        default:
            return BAD_TOKEN;
        }
    }
}

static enum status apply(char operator, long left, long right, long *result) {
    unsigned long a = (unsigned long)left, b = (unsigned long)right; /* wraps, where long may not */
    switch (operator) {
    case '+': *result = (long)(a + b); break;
    case '-': *result = (long)(a - b); break;
    case '*': *result = (long)(a * b); break;
    case '&': *result = left & right; break;
    case '|': *result = left | right; break;
    case '^': *result = left ^ right; break;
    default:
        if (right == 0)
            return DIVIDED_BY_ZERO;
        if (right == -1)
            *result = operator == '/' ? (long)(0 - a) : 0;
        else
            *result = operator == '/' ? left / right : left % right;
    }
    return OK;
}

static enum status look_up(const char *name, long *value) {
    static const struct { const char *name; long value; } constants[] = {
        {"answer", 42}, {"dozen", 12}, {"kib", 1024}, {"mib", 1048576}, {"zero", 0},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        if (strcmp(constants[i].name, name) == 0) {
            *value = constants[i].value;
            return OK;
        }
    }
    return UNKNOWN_NAME;
}

enum status evaluate(const char *text, long *value) {
    struct rpn rpn;
    long stack[128];
    int depth = 0;
    enum status status = to_rpn(text, &rpn);
    for (int i = 0; i < rpn.count && status == OK; i++) {
        struct token *token = &rpn.items[i];
        if (token->kind == NUMBER) {
            stack[depth++] = token->value;
        } else if (token->kind == NAME) {
            status = look_up(token->text, &stack[depth++]);
        } else if (depth < 2) {
            status = STACK_EMPTY;
        } else {
            depth--;
            status = apply(token->text[0], stack[depth - 1], stack[depth], &stack[depth - 1]);
        }
    }
    if (status == OK && depth != 1)
        status = STACK_EMPTY;
    *value = status == OK ? stack[0] : 0;
    return status;
}

static int test(void) {
    static const struct { const char *text; enum status status; long value; } cases[] = {
        {"2 * (3 + 4)", OK, 14},          {"1 + 2 * 3 - 4", OK, 3},
        {"0xff & 0b1010", OK, 10},        {"7 % 4 | 8", OK, 11},
        {"mib / kib", OK, 1024},          {"answer ^ answer", OK, 0},
        {"100 / 7 / 2", OK, 7},           {"((((5))))", OK, 5},
        {"1 / zero", DIVIDED_BY_ZERO, 0}, {"(1 + 2", UNBALANCED, 0},
        {"1 + 2)", UNBALANCED, 0},        {"1 +", STACK_EMPTY, 0},
        {"", STACK_EMPTY, 0},             {"4 $ 4", BAD_TOKEN, 0},
        {"0x", BAD_TOKEN, 0},             {"pi * 2", UNKNOWN_NAME, 0},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        long value;
        enum status status = evaluate(cases[i].text, &value);
        if (status != cases[i].status || value != cases[i].value) {
            printf("FAIL %s: %s %ld\n", cases[i].text, messages[status], value);
            failed++;
        }
    }
    printf("%d of %zu failed\n", failed, sizeof cases / sizeof *cases);
    return failed;
}

int main(int count, char **words) {
    long value;
    if (count < 2)
        return test();
    enum status status = evaluate(words[1], &value);
    if (status == OK)
        printf("%ld\n", value);
    else
        fprintf(stderr, "calculator: %s\n", messages[status]);
    return status;
}
