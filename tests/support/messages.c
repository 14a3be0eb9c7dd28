#include "support/messages.h"
#include "schema/frame.pb-c.h"
#include "schema/ledger.pb-c.h"
#include "schema/payload.pb-c.h"
#include "schema/store.pb-c.h"
#include "schema/trust.pb-c.h"
#include "wire/kind.h"

static const ProtobufCMessageDescriptor *const messages[] = {
    &wire__frame__descriptor,
    &wire__batch__descriptor,
    &wire__part__descriptor,
    &wire__header__descriptor,
    &wire__disposition__descriptor,
    &wire__receipt_statement__descriptor,
    &wire__arrived_statement__descriptor,
    &wire__witness_statement__descriptor,
    &wire__completeness_statement__descriptor,
    &wire__directory_record__descriptor,
    &wire__signed_policy__descriptor,
    &wire__ledger_batch__descriptor,
    &wire__ledger_headers__descriptor,
    &wire__ledger_payloads__descriptor,
    &wire__ledger_receipt__descriptor,
    &wire__node_state__descriptor,
    &wire__node_inbox__descriptor,
};

enum { MESSAGES = sizeof messages / sizeof *messages };

size_t messages_count(void)
{
    return MESSAGES + wire_kind_count();
}

const ProtobufCMessageDescriptor *messages_at(size_t index)
{
    return index < MESSAGES ? messages[index] : wire_kind_at(index - MESSAGES)->payload;
}
