from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [  # noqa: RUF012 - as Django has it
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("cents", models.IntegerField()),
                ("paid", models.BooleanField(default=False)),
            ],
        )
    ]
