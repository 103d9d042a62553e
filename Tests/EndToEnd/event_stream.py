# Server-Sent Events as they come over the wire.


def read_events(lines, on_comment=lambda: None):
    """Yields name, id and data of each event, None where it has none of them."""
    name = number = None
    data = []
    for line in lines:
        field, _, text = line.partition(": ")
        if field == "event":
            name = text
        elif field == "id":
            number = text
        elif field == "data":
            data.append(text)
        elif line.startswith(":"):
            on_comment()
        elif not line:
            if name or number or data:
                yield name, number, "\n".join(data) if data else None
            name = number = None
            data = []
